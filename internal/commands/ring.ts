/** What one stream of a command has put out: all of it counted, its beginning and its end kept. */
export interface OutputRing {
  append(chunk: Uint8Array): void;
  /** Bytes put out so far. Offsets count from the stream's first byte. */
  readonly total: number;
  /** Bytes from here up to `tailStart` are gone. */
  readonly headEnd: number;
  readonly tailStart: number;
  /** Bytes of memory held. */
  readonly held: number;
  /** At most `length` kept bytes from `from` on, up to the gap. A `from` in the gap moves to its end. */
  read(from: number, length: number): { readonly from: number; readonly bytes: Buffer };
  /** Lets go of everything kept; for a stream that has ended. */
  forget(): void;
}

export interface RingSize {
  /** Bytes kept of the beginning, and of the end. */
  readonly head: number;
  readonly tail: number;
}

const firstAllocation = 4096;

/** A ring that takes memory as output comes, and never more than its size. */
export function createRing({ head: headSize, tail: tailSize }: RingSize): OutputRing {
  let head = Buffer.alloc(0);
  let tail = Buffer.alloc(0);
  let total = 0;
  let forgotten = 0;

  const headEnd = (): number => (forgotten > 0 ? 0 : Math.min(total, headSize));
  const tailStart = (): number => Math.max(Math.min(total, headSize), total - tailSize, forgotten);

  function append(chunk: Uint8Array): void {
    const toHead = chunk.subarray(0, Math.max(0, headSize - total));
    if (toHead.length > 0) {
      head = grown(head, total + toHead.length, headSize);
      head.set(toHead, total);
    }
    total += chunk.length;
    const rest = chunk.subarray(toHead.length).subarray(-tailSize);
    if (rest.length === 0) return;
    tail = grown(tail, total - headSize, tailSize);
    const at = (total - rest.length - headSize) % tail.length;
    const first = rest.subarray(0, tail.length - at);
    tail.set(first, at);
    tail.set(rest.subarray(first.length), 0);
  }

  function read(from: number, length: number): { from: number; bytes: Buffer } {
    const start = from >= headEnd() && from < tailStart() ? tailStart() : from;
    const end = Math.min(start + length, total);
    const parts: Uint8Array[] = [];
    if (start < headEnd()) parts.push(head.subarray(start, Math.min(end, headEnd())));
    const inTail = Math.max(start, tailStart());
    // Behind a gap the tail is not what follows the head.
    if (inTail < end && (start >= tailStart() || headEnd() === tailStart())) {
      const at = (inTail - headSize) % tail.length;
      const first = tail.subarray(at, at + end - inTail);
      parts.push(first, tail.subarray(0, end - inTail - first.length));
    }
    return { from: start, bytes: Buffer.concat(parts) };
  }

  return {
    append,
    read,
    get total() {
      return total;
    },
    get headEnd() {
      return headEnd();
    },
    get tailStart() {
      return tailStart();
    },
    get held() {
      return head.length + tail.length;
    },
    forget() {
      forgotten = total;
      head = Buffer.alloc(0);
      tail = Buffer.alloc(0);
    },
  };
}

/** `buffer`, or a larger copy that holds `needed` bytes, up to `limit`. */
function grown(buffer: Buffer, needed: number, limit: number): Buffer<ArrayBuffer> {
  const wanted = Math.min(needed, limit);
  if (wanted <= buffer.length) return buffer as Buffer<ArrayBuffer>;
  const larger = Buffer.allocUnsafeSlow(
    Math.min(limit, Math.max(firstAllocation, buffer.length * 2, wanted)),
  );
  larger.set(buffer);
  return larger;
}
