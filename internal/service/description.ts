/** What the service manager starts, and for whom. All paths are absolute. */
export interface ServiceDescription {
  /** The node that runs the daemon: the one that ran the installer. */
  readonly node: string;
  /** `ctmcpd`, as node runs it. */
  readonly program: string;
  readonly configPath: string;
  /** Variables of the daemon, PATH among them: service managers give next to none. */
  readonly environment: Readonly<Record<string, string>>;
  /** Whose the service is. A system service runs as `user`, also when nobody is logged in. */
  readonly scope: ServiceScope;
}

export type ServiceScope = { readonly kind: "user" } | { readonly kind: "system"; readonly user: string };

/** What a unit or a property list says of the service it describes. */
export interface WrittenService {
  /** The daemon's command line; empty when it names none. */
  readonly command: readonly string[];
  /** As whom a service of the whole machine runs. */
  readonly user: string | undefined;
}

/** The name of the unit and of the directories a service manager makes. */
export const serviceName = "coding-tools-mcp";

/** The command line of the daemon under a service manager. */
export function daemonCommand({ node, program, configPath }: ServiceDescription): readonly string[] {
  return [node, program, "--config", configPath, "--quiet"];
}
