import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ClipError, type ErrorCode } from '../../src/errors.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { Admission } from '../../src/schedule/admission.ts';
import type { Permit, RequestSize } from '../../src/service/item.ts';
import { turn } from '../schedule/wound-clock.ts';
import { vectorOf } from './fake-service.ts';
import { GARBAGE, type Opened, openStream, PatientService, type Sent } from './stream-rig.ts';

/** Requests are let in by the real thing, in a house with little room. */
class GuardedService extends PatientService {
  readonly metrics = new Metrics();
  readonly admission = new Admission({
    limits: { itemsPerRequest: 6, requestBytes: 2000, queueItems: 12, queueBytes: 20_000, queueMs: 60_000 },
    metrics: this.metrics,
  });

  override async enter(size: RequestSize, signal: AbortSignal): Promise<Permit> {
    const permit = await this.admission.enter(size, signal);
    const counted = this.admit();
    return {
      addBytes: (count) => permit.addBytes(count),
      addItems: (count) => permit.addItems(count),
      release: () => {
        permit.release();
        counted.release();
      },
    };
  }
}

type Step =
  | { readonly do: 'request'; readonly stream: number; readonly is: Partial<Sent> }
  | { readonly do: 'finish'; readonly which: number }
  | { readonly do: 'take'; readonly stream: number; readonly count: number }
  | { readonly do: 'turn' }
  | { readonly do: 'leave' | 'late' | 'end' | 'garbage' | 'throw' | 'break'; readonly stream: number }
  | { readonly do: 'drain' };

const STREAMS = 2;
const stream = fc.nat(STREAMS - 1);
const is: fc.Arbitrary<Partial<Sent>> = fc.oneof(
  { weight: 8, arbitrary: fc.constant({}) },
  {
    weight: 4,
    arbitrary: fc.record({ texts: fc.array(fc.constantFrom('a', 'b'), { maxLength: 8 }) }),
  },
  { weight: 1, arbitrary: fc.constantFrom({ texts: ['fail:invalid_image'] }, { texts: ['fail:not_ready'] }) },
  { weight: 1, arbitrary: fc.constant({ fault: 'invalid_document' as ErrorCode }) },
  { weight: 1, arbitrary: fc.constant({ unspeakable: true }) },
  { weight: 1, arbitrary: fc.constant({ bytes: 2500 }) },
  { weight: 1, arbitrary: fc.constant({ replyBytes: 9000 }) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 24, arbitrary: fc.record({ do: fc.constant('request' as const), stream, is }) },
  { weight: 12, arbitrary: fc.record({ do: fc.constant('finish' as const), which: fc.nat(20) }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('take' as const), stream, count: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 12, arbitrary: fc.constant({ do: 'turn' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom(
        ...(['leave', 'late', 'end', 'garbage', 'throw', 'break'] as const satisfies Step['do'][]),
      ),
      stream,
    }),
  },
);
const mix = fc.record({
  steps: fc.array(step, { minLength: 5, maxLength: 30 }),
  drains: fc.option(fc.nat(29), { freq: 8 }),
  inOrder: fc.boolean(),
  prefetch: fc.nat(4),
  slow: fc.boolean(),
});

class Play {
  readonly service = new GuardedService();
  readonly streams: Opened[];
  readonly sent: Sent[][] = Array.from({ length: STREAMS }, () => []);
  readonly inOrder: boolean;
  readonly #closed = new Set<number>();

  constructor(inOrder: boolean, prefetch: number, slow: boolean) {
    this.inOrder = inOrder;
    this.service.held = true;
    this.streams = this.sent.map(() =>
      openStream(this.service, { inOrder, prefetch }, { streamBytes: 12_000 }, {}, this.service.metrics),
    );
    for (const { wire } of this.streams) wire.slow = slow;
  }

  async perform(step: Step): Promise<void> {
    if (step.do === 'turn') await turn();
    else if (step.do === 'drain') void this.service.admission.close(0);
    else if (step.do === 'finish') {
      const { length } = this.service.running;
      if (length > 0) this.service.finish(step.which % length);
    } else this.#onStream(step);
  }

  #onStream(step: Extract<Step, { readonly stream: number }>): void {
    const { wire, client } = this.streams[step.stream]!;
    if (step.do === 'take') wire.take(step.count);
    else if (step.do === 'leave') client.abort();
    else if (step.do === 'late') client.abort(new ClipError('deadline_exceeded', 'late'));
    else if (step.do === 'break') wire.breakSends();
    else if (this.#closed.has(step.stream)) return;
    else if (step.do === 'request') {
      const sent = this.sent[step.stream]!;
      sent.push({ id: String(sent.length), ...step.is });
      wire.push(sent.at(-1)!);
    } else {
      this.#closed.add(step.stream);
      wire.push(step.do === 'end' ? 'end' : step.do === 'garbage' ? GARBAGE : new Error('no'));
    }
  }

  /** Everyone does what is expected of them, until all streams have ended. */
  async end(): Promise<void> {
    this.service.held = false;
    for (const [at, { wire }] of this.streams.entries()) {
      if (!this.#closed.has(at)) wire.push('end');
      wire.slow = false;
    }
    for (let round = 0; this.streams.some(({ end }) => end() === undefined); round++) {
      assert.ok(round < 200, 'a stream does not end');
      this.service.finish();
      for (const { wire } of this.streams) wire.take();
      await new Promise(setImmediate);
    }
    await turn();
  }

  check(): void {
    for (const [at, { wire, end }] of this.streams.entries()) {
      const sent = this.sent[at]!;
      const ids = wire.replies.map(({ id }) => Number(id));
      assert.equal(new Set(ids).size, ids.length, 'a request was answered twice');
      if (this.inOrder) assert.deepEqual(ids, [...ids.keys()], 'a reply was left out, or out of its order');
      if (end() === 'ok') assert.equal(ids.length, sent.length, 'a request was not answered');
      for (const { id, error, vectors } of wire.replies) {
        const { texts = ['one'] } = sent[Number(id)]!;
        const expected = texts.map((text) => [...vectorOf({ kind: 'text', text })]);
        assert.deepEqual(vectors, error ? [] : expected);
      }
    }
  }

  async nothingLeft(): Promise<void> {
    const { service, streams } = this;
    assert.deepEqual([service.open, service.doubleReleases, service.running.length], [0, 0, 0]);
    for (const gauge of [
      'requests_in_flight',
      'requests_waiting',
      'items_in_flight',
      'request_bytes_in_flight',
    ])
      assert.equal(await streams[0]!.value(`clip_${gauge}`), 0, gauge);
    assert.equal(await streams[0]!.value('clip_streams'), 0);
  }
}

test('whatever comes together, each stream ends, each reply is the right one and nothing is left behind', async () => {
  let requests = 0;
  await fc.assert(
    fc.asyncProperty(mix, async ({ steps, drains, inOrder, prefetch, slow }) => {
      const play = new Play(inOrder, prefetch, slow);
      for (const [at, each] of steps.entries()) {
        if (at === drains) await play.perform({ do: 'drain' });
        await play.perform(each);
      }
      await play.end();
      play.check();
      await play.nothingLeft();
      requests += play.sent.flat().length;
    }),
    { numRuns: 2200, seed: 4 },
  );
  assert.ok(requests >= 10_000, `${requests} requests`);
});
