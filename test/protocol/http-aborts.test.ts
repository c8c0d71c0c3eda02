import assert from 'node:assert/strict';
import { get, post, RawClient } from './raw-client.ts';
import { onBothServers } from './rig.ts';

const REQUESTS = 2000;
const AT_ONCE = 40;

/** The same sequence in every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
};

onBothServers((on) => {
  on(
    `${REQUESTS} requests of which many are left at any stage: none lost, none doubled, all shares given back`,
    async ({ port, service, metrics }) => {
      const next = random(7);
      service.work = async () => turns(Math.floor(next() * 4));
      let answered = 0;
      const one = async (i: number): Promise<void> => {
        const client = new RawClient(port);
        const text = post('/encode', JSON.stringify({ data: [{ id: `id-${i}`, text: `text ${i}` }] }));
        const cut = next() < 0.5 ? text.length : Math.floor(next() * text.length);
        client.send(text.slice(0, cut));
        if (cut < text.length || next() < 0.4) {
          await turns(Math.floor(next() * 6));
          client.destroy();
          await client.closed;
          assert.ok((client.received.match(/"id":/g)?.length ?? 0) <= 1);
          return;
        }
        await client.until((received) => received.includes('"matches":null}]}'));
        assert.deepEqual(client.received.match(/"id":"[^"]*"/g), [`"id":"id-${i}"`], client.received);
        client.destroy();
        answered += 1;
      };
      let started = 0;
      const worker = async (): Promise<void> => {
        while (started < REQUESTS) await one(started++);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      assert.ok(answered > REQUESTS / 8, `${answered}`);
      while (service.open > 0) await turns(1);
      assert.equal(service.doubleReleases, 0);
      while (!(await metrics.text()).includes('clip_connections{protocol="http"} 0')) await turns(1);
      const alive = new RawClient(port);
      alive.send(get('/livez'));
      assert.deepEqual(await alive.statuses(), [200]);
      alive.destroy();
    },
  );

  on(
    'a client that leaves in mid-work: the signal says so, and the share is kept until the work ends',
    async ({ port, service, metrics }) => {
      let end = (): void => {};
      const ended = new Promise<void>((resolve) => {
        end = resolve;
      });
      const left = new Promise<unknown>((resolve) => {
        service.work = async ({ signal }) => {
          signal.addEventListener('abort', () => resolve(signal.reason));
          client.destroy();
          await ended;
        };
      });
      const client = new RawClient(port);
      client.send(post('/post', '{"data":[{"text":"a"}]}'));
      assert.equal(((await left) as { code: string }).code, 'cancelled');
      await turns(3);
      assert.equal(service.open, 1);
      end();
      while (service.open > 0) await turns(1);
      assert.match(
        await metrics.text(),
        /clip_requests_total\{protocol="http",route="\/post",code="cancelled"\} 1/,
      );
    },
  );
});
