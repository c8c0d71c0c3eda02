/** One metric with all its samples, as a page of either format shows it. */
export interface Family {
  /** Without `_total` for counters. */
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly samples: readonly Sample[];
}

export interface Sample {
  /** The family's name, with the suffix of the sample where there is one. */
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

export type Labels = Readonly<Record<string, string | number>>;

export interface Page {
  readonly contentType: string;
  readonly body: string;
}

const OPEN_METRICS = 'application/openmetrics-text';

/** One page of metrics, in the format that the scraper's `Accept` prefers: OpenMetrics 1.0 or Prometheus text 0.0.4. */
export function exposition(families: Iterable<Family>, accept: string | undefined): Page {
  const lines: string[] = [];
  if (prefersOpenMetrics(accept)) {
    for (const family of families) writeOpenMetrics(family, lines);
    lines.push('# EOF\n');
    return { contentType: `${OPEN_METRICS}; version=1.0.0; charset=utf-8`, body: lines.join('\n') };
  }
  for (const family of families) writeText(family, lines);
  return { contentType: 'text/plain; version=0.0.4; charset=utf-8', body: `${lines.join('\n')}\n` };
}

function prefersOpenMetrics(accept = ''): boolean {
  let [open, text] = [0, 0];
  for (const entry of accept.toLowerCase().split(',')) {
    const [type, ...parameters] = entry.split(';').map((part) => part.trim());
    const weight = Number(parameters.find((part) => part.startsWith('q='))?.slice(2) ?? 1);
    if (type === OPEN_METRICS) open = Math.max(open, weight);
    else if (type === 'text/plain' || type === 'text/*') text = Math.max(text, weight);
  }
  return open > 0 && open >= text;
}

function writeOpenMetrics({ name, help, type, samples }: Family, lines: string[]): void {
  head(name, help, type, lines);
  for (const sample of samples) lines.push(line(sample, true));
}

/** The older format knows neither `_created` nor a counter's name without `_total`. */
function writeText({ name, help, type, samples }: Family, lines: string[]): void {
  const created = samples.filter((sample) => sample.name === `${name}_created`);
  head(type === 'counter' ? `${name}_total` : name, help, type, lines);
  for (const sample of samples) if (!created.includes(sample)) lines.push(line(sample, false));
  if (created.length === 0) return;
  head(`${name}_created`, help, 'gauge', lines);
  for (const sample of created) lines.push(line(sample, false));
}

function head(name: string, help: string, type: Family['type'], lines: string[]): void {
  lines.push(`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${type}`);
}

function line({ name, labels, value }: Sample, openMetrics: boolean): string {
  const pairs = Object.entries(labels).map(([label, text]) => {
    const bucket = openMetrics && label === 'le' ? canonical(text) : String(text);
    return `${label}="${escaped(bucket).replaceAll('"', '\\"')}"`;
  });
  return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${number(value)}`;
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

function number(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  return Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : '-Inf';
}

/** OpenMetrics writes the bounds of buckets as floats. */
function canonical(bound: string | number): string {
  return /^\d+$/.test(String(bound)) ? `${bound}.0` : String(bound);
}
