import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { IndexFile } from '../../../src/cli/search/index-file.ts';
import { openRig, type Rig } from '../../client/rig.ts';
import { jsonLines, runCommand } from '../run-command.ts';

const COUNT = 200;
const OLD = new Date('2020-01-01T00:00:00Z');

/** A folder of files that a server without a model takes for pictures. */
async function openScene(t: TestContext): Promise<{ folder: string; rig: Rig }> {
  const folder = await mkdtemp(join(tmpdir(), 'clip-search-'));
  const rig = await openRig();
  t.after(async () => {
    await rig[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });
  for (let i = 0; i < COUNT; i += 1) {
    const path = join(folder, `${i}.jpg`);
    await writeFile(path, `picture ${i}`);
    await utimes(path, OLD, OLD);
  }
  return { folder, rig };
}

const searchArgs = ({ folder, rig }: { folder: string; rig: Rig }) => [
  ...['search', '--server', rig.url('grpc'), '--json', '--top', '1000'],
  ...['apple', folder],
];

/** How often each of the pictures was embedded. */
function timesSeen({ service }: Rig): Map<string, number> {
  const times = new Map<string, number>();
  for (const item of service.seen) {
    const content = item.kind === 'image' ? Buffer.from(item.bytes).toString('latin1') : '';
    if (content.startsWith('picture')) times.set(content, (times.get(content) ?? 0) + 1);
  }
  return times;
}

test('two searches of one folder at once embed each picture once, and find the same', async (t) => {
  const scene = await openScene(t);
  const [one, two] = await Promise.all([runCommand(searchArgs(scene)), runCommand(searchArgs(scene))]);
  assert.deepEqual([one.code, two.code], [0, 0], one.err + two.err);
  const times = timesSeen(scene.rig);
  assert.equal(times.size, COUNT);
  assert.ok(
    [...times.values()].every((count) => count === 1),
    'none was embedded twice',
  );
  assert.equal(jsonLines(one.out).length, COUNT);
  assert.deepEqual(jsonLines(one.out), jsonLines(two.out));
});

/** In the order in which they are embedded. */
const CONTENTS = Array.from({ length: COUNT }, (_, i) => i)
  .sort((a, b) => (`${a}.jpg` < `${b}.jpg` ? -1 : 1))
  .map((i) => `picture ${i}`);
/** Four requests. */
const EARLY = 128;
const LATE = new Set(CONTENTS.slice(EARLY));

/** How many pictures the folder's index holds. */
async function indexed(folder: string): Promise<number> {
  const index = await IndexFile.open(join(folder, '.clip-index'), 'r');
  await index?.close();
  return index?.files.size ?? 0;
}

for (const signal of ['SIGINT', 'SIGKILL'] as const)
  test(`after ${signal} in the middle, the next search embeds only what is left`, async (t) => {
    const scene = await openScene(t);
    const { service } = scene.rig;
    let child: ChildProcess | undefined;
    const encode = service.encode.bind(service);
    service.encode = async (items, context) => {
      const isLate = ({ kind, ...item }: (typeof items)[number]) =>
        kind === 'image' && 'bytes' in item && LATE.has(Buffer.from(item.bytes).toString());
      if (!items.some(isLate)) return encode(items, context);
      while ((await indexed(scene.folder)) < EARLY) await setTimeout(10);
      // One signal alone: the second would end it at once.
      child?.kill(signal);
      child = undefined;
      return new Promise<never>(() => {});
    };
    const first = await runCommand(searchArgs(scene), {
      onStart: (started) => {
        child = started;
      },
    });
    assert.deepEqual([first.code, first.out], [signal === 'SIGINT' ? 1 : null, '']);
    if (signal === 'SIGINT') assert.match(first.err, /stopped; what was embedded is in the index/);
    assert.deepEqual([...timesSeen(scene.rig).keys()].sort(), CONTENTS.slice(0, EARLY).sort());
    service.encode = encode;
    const second = await runCommand(searchArgs(scene));
    assert.equal(second.code, 0, second.err);
    assert.match(second.err, new RegExp(`: ${COUNT - EARLY} embedded\n$`));
    assert.ok(
      [...timesSeen(scene.rig).values()].every((count) => count === 1),
      'none was embedded twice',
    );
    assert.equal(jsonLines(second.out).length, COUNT);
  });
