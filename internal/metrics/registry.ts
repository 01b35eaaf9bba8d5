/** A metric as Prometheus is told of it. */
interface MetricInfo {
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly help: string;
  /** Names of its labels. */
  readonly labels: readonly string[];
}

/** Values of the labels in their order, and the number. */
export type Sample = readonly [labels: readonly string[], value: number];

export interface Counter {
  /** Adds one for these values of the labels, which must be few: each makes a series. */
  count(...labels: readonly string[]): void;
  /** Adds `amount`, which is not negative. */
  add(amount: number, ...labels: readonly string[]): void;
}

/** What is counted and measured, as text for Prometheus. */
export interface Registry {
  /** A number that only grows; `name` ends in `_total`. */
  counter(name: string, help: string, labels?: readonly string[]): Counter;
  /** The same, kept by somebody else and looked up when it is asked for. */
  total(name: string, help: string, read: () => number): void;
  /** Numbers that are looked up when they are asked for. NaN is left out. */
  gauge(name: string, help: string, read: () => number): void;
  gauges(name: string, help: string, labels: readonly string[], read: () => readonly Sample[]): void;
  /** Everything in the order it was made, in the text format 0.0.4. */
  render(): string;
}

/** The media type of `render`. */
export const metricsType = "text/plain; version=0.0.4; charset=utf-8";

const separator = "\u0000";

export function createRegistry(prefix: string): Registry {
  const metrics: { readonly info: MetricInfo; readonly read: () => readonly Sample[] }[] = [];

  function put(info: MetricInfo, read: () => readonly Sample[]): void {
    metrics.push({ info: { ...info, name: `${prefix}${info.name}` }, read });
  }

  return {
    counter(name, help, labels = []) {
      const counts = new Map<string, number>(labels.length === 0 ? [["", 0]] : []);
      const read = (): Sample[] =>
        [...counts].map(([key, value]) => [labels.length === 0 ? [] : key.split(separator), value]);
      put({ name, type: "counter", help, labels }, read);
      const add: Counter["add"] = (amount, ...values) => {
        const key = values.join(separator);
        counts.set(key, (counts.get(key) ?? 0) + amount);
      };
      return { add, count: (...values) => add(1, ...values) };
    },
    total: (name, help, read) => put({ name, type: "counter", help, labels: [] }, () => [[[], read()]]),
    gauge: (name, help, read) => put({ name, type: "gauge", help, labels: [] }, () => [[[], read()]]),
    gauges: (name, help, labels, read) => put({ name, type: "gauge", help, labels }, read),
    render: () => metrics.map(({ info, read }) => renderMetric(info, read())).join(""),
  };
}

function renderMetric({ name, type, help, labels }: MetricInfo, samples: readonly Sample[]): string {
  const lines = samples
    .filter(([, value]) => !Number.isNaN(value))
    .map(([values, value]) => {
      const pairs = labels.map((label, at) => `${label}="${escapeLabel(values[at] ?? "")}"`);
      return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}\n`;
    });
  return `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
