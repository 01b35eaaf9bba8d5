import type { TunnelFault } from "./types.js";

/** A start that is not tried, because a person has to provide something first. */
export class TunnelRefusal extends Error {
  override readonly name = "TunnelRefusal";
  readonly fault: TunnelFault;

  constructor(fault: TunnelFault) {
    super(fault.text);
    this.fault = fault;
  }
}
