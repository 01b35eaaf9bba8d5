import {
  type Assertion,
  type ByteSet,
  isWordByte,
  type Pattern,
  parsePattern,
  refused,
} from "./pattern-parser.js";

/** Looks for a pattern in a stream of bytes. */
export interface StreamMatcher {
  /**
   * Goes on with `chunk`. `found`: the pattern matches somewhere in what has come so far, whose end counts as the end
   * of a line and of a word. `exhausted`: the pattern is too costly for this stream, and the matcher has given up.
   */
  feed(chunk: Uint8Array): "searching" | "found" | "exhausted";
}

/** What can stand before or after a position, as far as assertions tell it apart. */
const line = 0;
const word = 1;
const other = 2;

type Node =
  | { readonly op: "set"; readonly set: ByteSet; readonly next: number }
  | { readonly op: "assert"; readonly what: Assertion; readonly next: number }
  | { readonly op: "split"; a: number; readonly b: number }
  | { readonly op: "match" };

const maxNodes = 2000;
const maxStates = 256;
/** Nodes looked at while states are made: at worst some 50 ms. Ordinary patterns need a few thousand. */
const maxWork = 100_000;

const unknown = -1;
const accepted = -2;

interface State {
  readonly nodes: readonly number[];
  readonly before: number;
  /** Whether the pattern matches when nothing follows; undefined: not yet looked at. */
  matchesAtEnd: boolean | undefined;
}

/**
 * Compiles a pattern to a matcher that costs a table look-up for each byte. The table is filled as bytes come, from a
 * nondeterministic automaton; the work for that and the memory are bounded, so neither pattern nor output can stall the
 * daemon. JavaScript's own engine cannot be used: it backtracks, and compiling a short pattern can take minutes.
 * Faults: INVALID_ARGUMENT.
 */
export function compilePattern(source: string): () => StreamMatcher {
  const { nodes, start } = program(parsePattern(source));
  const { classOf, examples } = byteClasses(nodes);
  return () => createMatcher({ nodes, start, classOf, examples });
}

/** The automaton: node 0 is the match. */
function program(pattern: Pattern): { nodes: readonly Node[]; start: number } {
  const nodes: Node[] = [{ op: "match" }];
  let calls = 0;

  function push(node: Node): number {
    return nodes.push(node) - 1;
  }

  /** Adds what matches `part` and then goes on at `next`; returns where it begins. */
  function add(part: Pattern, next: number): number {
    // Counts empty parts too: repeated, they cost time though they add no node.
    if (++calls > maxNodes) throw refused("wait_for is too large when its repetitions are written out");
    switch (part.type) {
      case "set":
        return push({ op: "set", set: part.set, next });
      case "assert":
        return push({ op: "assert", what: part.what, next });
      case "sequence":
        return part.items.reduceRight((rest, item) => add(item, rest), next);
      case "choice":
        return part.items.map((item) => add(item, next)).reduceRight((b, a) => push({ op: "split", a, b }));
      case "repeat":
        return repeat(part.item, part.min, part.max, next);
    }
  }

  function repeat(item: Pattern, min: number, max: number, next: number): number {
    let entry = next;
    if (max === Number.POSITIVE_INFINITY) {
      const loop: Node = { op: "split", a: 0, b: next };
      entry = push(loop);
      loop.a = add(item, entry);
    }
    for (let extra = Number.isFinite(max) ? max - min : 0; extra > 0; extra--) {
      entry = push({ op: "split", a: add(item, entry), b: next });
    }
    for (let count = min; count > 0; count--) entry = add(item, entry);
    return entry;
  }

  const start = add(pattern, 0);
  return { nodes, start };
}

/** Bytes that no set and no assertion tells apart share a class; `examples` has one byte of each. */
function byteClasses(nodes: readonly Node[]): { classOf: Uint8Array; examples: readonly number[] } {
  const sets = new Set(nodes.flatMap((node) => (node.op === "set" ? [node.set] : [])));
  const known = new Map<string, number>();
  const examples: number[] = [];
  const classOf = Uint8Array.from({ length: 256 }, (_, byte) => {
    const signature = `${kindOf(byte)}${[...sets].map((set) => set[byte]).join("")}`;
    const index = known.get(signature) ?? known.size;
    if (index === known.size) examples.push(byte);
    known.set(signature, index);
    return index;
  });
  return { classOf, examples };
}

function kindOf(byte: number): number {
  if (byte === 10 || byte === 13) return line;
  return isWordByte(byte) ? word : other;
}

interface Compiled {
  readonly nodes: readonly Node[];
  readonly start: number;
  readonly classOf: Uint8Array;
  readonly examples: readonly number[];
}

function createMatcher({ nodes, start, classOf, examples }: Compiled): StreamMatcher {
  const classes = examples.length;
  const ids = new Map<string, number>();
  /** The number of the next state, by state and class of the next byte. */
  const table = new Int32Array(maxStates * classes).fill(unknown);
  let states: State[] = [];
  let work = 0;
  let current = stateOf([start], line);
  let outcome: "searching" | "found" | "exhausted" = "searching";

  function stateOf(members: readonly number[], before: number): number {
    const sorted = [...new Set(members)].sort((a, b) => a - b);
    const key = `${before}:${sorted.join()}`;
    const known = ids.get(key);
    if (known !== undefined) return known;
    ids.set(key, states.length);
    return states.push({ nodes: sorted, before, matchesAtEnd: undefined }) - 1;
  }

  /** The byte sets that may come next, or undefined when the match is reached without a further byte. */
  function reach(state: State, after: number): (Node & { op: "set" })[] | undefined {
    const stack = [...state.nodes];
    const seen = new Set<number>();
    const sets: (Node & { op: "set" })[] = [];
    for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
      if (seen.has(id)) continue;
      seen.add(id);
      work++;
      const node = nodes[id];
      if (node === undefined || node.op === "match") return undefined;
      if (node.op === "set") sets.push(node);
      else if (node.op === "split") stack.push(node.a, node.b);
      else if (holds(node.what, state.before, after)) stack.push(node.next);
    }
    return sets;
  }

  /** Fills in one place of the table; undefined when that would cost too much. */
  function step(from: number, byteClass: number): number | undefined {
    if (work > maxWork) return undefined;
    const state = states[from] as State;
    const byte = examples[byteClass] ?? 0;
    const sets = reach(state, kindOf(byte));
    if (states.length === maxStates) forgetStates();
    let next = accepted;
    if (sets !== undefined) {
      const after = sets.filter(({ set }) => set[byte] === 1).map((node) => node.next);
      // A match may begin at every byte.
      next = stateOf([...after, start], kindOf(byte));
    }
    if (states[from] === state) table[from * classes + byteClass] = next;
    return next;
  }

  function forgetStates(): void {
    states = [];
    ids.clear();
    table.fill(unknown);
  }

  function search(chunk: Uint8Array): typeof outcome {
    let number = current;
    for (let at = 0; at < chunk.length; at++) {
      const byteClass = classOf[chunk[at] as number] as number;
      let next = table[number * classes + byteClass] as number;
      if (next === unknown) {
        const made = step(number, byteClass);
        if (made === undefined) return "exhausted";
        next = made;
      }
      if (next === accepted) return "found";
      number = next;
    }
    current = number;
    const state = states[current] as State;
    state.matchesAtEnd ??= reach(state, line) === undefined;
    return state.matchesAtEnd ? "found" : "searching";
  }

  return {
    feed(chunk) {
      if (outcome === "searching") outcome = search(chunk);
      return outcome;
    },
  };
}

function holds(what: Assertion, before: number, after: number): boolean {
  switch (what) {
    case "line-start":
      return before === line;
    case "line-end":
      return after === line;
    case "word-edge":
      return (before === word) !== (after === word);
    case "no-word-edge":
      return (before === word) === (after === word);
  }
}
