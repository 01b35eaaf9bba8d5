import { Fault } from "../errs/errs.js";
import { type Finding, type Permission, requestable } from "./types.js";

/**
 * The failure a caller gets for a refused command: the first finding speaks, all permissions are named, and the hint
 * says how to go on. `findings` must not be empty.
 */
export function refusalFault(findings: readonly Finding[], command: string): Fault {
  const [first] = findings;
  if (first === undefined) throw new RangeError("a refusal needs a finding");
  const permissions = [...new Set(findings.map(({ permission }) => permission))];
  return new Fault("PERMISSION_REQUIRED", first.message, {
    details: { permission: first.permission, permissions, command, ...first.details },
    hint: hintFor(permissions),
  });
}

/** True when a client may ask for the permission. */
export function isRequestable(permission: Permission): boolean {
  return (requestable as readonly Permission[]).includes(permission);
}

function hintFor(permissions: readonly Permission[]): string {
  const asked = permissions.find(isRequestable);
  if (asked === undefined || permissions.includes("filesystem_escape")) {
    return "use paths inside the workspace; the owner can add others to sandbox.read or sandbox.write in the config";
  }
  return `do it another way, or ask the owner: request_permissions with tool_name exec_command, permission ${asked}, your reason and the same arguments`;
}
