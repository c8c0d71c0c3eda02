import type { Meter } from '@opentelemetry/api';
import type { Family, Labels, Sample } from './exposition.ts';

/** The two pods of the reference; each has a metrics port of its own. */
export type Pod = 'gateway' | 'executor';

type Instrument = (value: number, labels: Labels) => void;

/** A metric of the reference: its series, and where OpenTelemetry exports it, its instrument. */
abstract class JinaFamily {
  readonly name: string;
  protected readonly help: string;
  protected readonly members: Series[] = [];

  constructor(name: string, help: string) {
    this.name = name;
    this.help = help;
  }

  /** From now on each observation also goes to the meter. */
  abstract exportTo(meter: Meter): void;
  abstract toFamily(pod: Pod | undefined): Family;

  /** A series begins at zero; the caller keeps it, and asks for it once. */
  series(pod: Pod, labels: Labels): Series {
    const series = new Series(pod, labels, this.instrument);
    this.members.push(series);
    return series;
  }

  protected readonly instrument: { record?: Instrument } = {};

  protected samples(pod: Pod | undefined, write: (series: Series) => Sample[]): Sample[] {
    return this.members.filter((series) => pod === undefined || series.pod === pod).flatMap(write);
  }

  protected sample(suffix: string, { labels }: Series, value: number): Sample {
    return { name: `${this.name}${suffix}`, labels, value };
  }
}

/** One label set. */
export class Series {
  readonly pod: Pod;
  readonly labels: Labels;
  /** Seconds since 1970. */
  readonly created = Date.now() / 1000;
  count = 0;
  sum = 0;
  readonly #instrument: { readonly record?: Instrument };

  constructor(pod: Pod, labels: Labels, instrument: { readonly record?: Instrument }) {
    this.pod = pod;
    this.labels = labels;
    this.#instrument = instrument;
  }

  /** An observation of a summary; what a counter or a gauge grows by. */
  add(value: number): void {
    this.count++;
    this.sum += value;
    this.#instrument.record?.(value, this.labels);
  }
}

/** Count and sum, without quantiles. */
export class JinaSummary extends JinaFamily {
  exportTo(meter: Meter): void {
    const unit = this.name === 'jina_sending_request_seconds' ? 's' : undefined;
    const histogram = meter.createHistogram(this.name, { description: this.help, unit });
    this.instrument.record = (value, labels) => histogram.record(value, labels);
  }

  toFamily(pod: Pod | undefined): Family {
    const samples = this.samples(pod, (series) => [
      this.sample('_count', series, series.count),
      this.sample('_sum', series, series.sum),
      this.sample('_created', series, series.created),
    ]);
    return { name: this.name, help: this.help, type: 'summary', samples };
  }
}

export class JinaCounter extends JinaFamily {
  exportTo(meter: Meter): void {
    const counter = meter.createCounter(this.name, { description: this.help });
    this.instrument.record = (value, labels) => counter.add(value, labels);
  }

  toFamily(pod: Pod | undefined): Family {
    const samples = this.samples(pod, (series) => [
      this.sample('_total', series, series.sum),
      this.sample('_created', series, series.created),
    ]);
    return { name: this.name, help: this.help, type: 'counter', samples };
  }
}

export class JinaGauge extends JinaFamily {
  exportTo(meter: Meter): void {
    const counter = meter.createUpDownCounter(this.name, { description: this.help });
    this.instrument.record = (value, labels) => counter.add(value, labels);
  }

  toFamily(pod: Pod | undefined): Family {
    const samples = this.samples(pod, (series) => [this.sample('', series, series.sum)]);
    return { name: this.name, help: this.help, type: 'gauge', samples };
  }
}
