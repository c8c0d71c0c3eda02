import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { createProgress, describeProgress } from '../../src/cli/progress.ts';
import type { Progress } from '../../src/model/progress.ts';

const FILE: Progress = { task: 'a visual.onnx', phase: 'downloading', done: 0, total: 200e6, unit: 'bytes' };

function collect(isTTY: boolean): { stream: NodeJS.WriteStream; text: () => string } {
  const stream = new PassThrough();
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return {
    stream: Object.assign(stream, { isTTY, columns: 200, rows: 20 }) as unknown as NodeJS.WriteStream,
    text: () => Buffer.concat(chunks).toString('utf8'),
  };
}

test('a line says amount, share, speed and origin', () => {
  assert.equal(
    describeProgress({ ...FILE, done: 50e6, bytesPerSecond: 12.34e6, detail: 'host' }),
    'a visual.onnx: downloading, 50.0 MB of 200.0 MB (25 %), 12.3 MB/s, host',
  );
  assert.equal(
    describeProgress({ task: 'replicas', phase: 'loading', done: 1, total: 4, unit: 'steps' }),
    'replicas: loading, 1 of 4 (25 %)',
  );
  assert.equal(describeProgress({ ...FILE, total: 0, done: 3e6 }), 'a visual.onnx: downloading, 3.0 MB');
});

test('in a pipe: a line per phase, no control characters, not one per report', () => {
  const { stream, text } = collect(false);
  const display = createProgress({ stream, everyMs: 3600e3 });
  display.show({ ...FILE, phase: 'waiting', total: 0, detail: 'a.lock' });
  for (let done = 0; done <= 200e6; done += 1e6) display.show({ ...FILE, done });
  display.show({ task: FILE.task, phase: 'done', done: 0, unit: 'bytes' });
  display.show({ task: 'never begun', phase: 'done', done: 0, unit: 'bytes' });
  display.close();
  assert.equal(
    text(),
    'a visual.onnx: waiting, a.lock\na visual.onnx: downloading, 0.0 MB of 200.0 MB (0 %)\na visual.onnx: done\n',
  );
});

test('in a pipe: further lines come as time passes, into a log where one is given', () => {
  const { stream, text } = collect(false);
  const lines: string[] = [];
  const display = createProgress({ stream, everyMs: 0, line: (line) => lines.push(line) });
  for (let done = 0; done < 3e6; done += 1e6) display.show({ ...FILE, done });
  assert.equal(lines.length, 3);
  assert.equal(text(), '');
});

test('on a terminal: a bar, and the cursor comes back', () => {
  const { stream, text } = collect(true);
  const display = createProgress({ stream });
  display.show({ ...FILE, done: 100e6 });
  display.close();
  assert.match(text(), /█{15}░{15} a visual\.onnx: downloading, 100\.0 MB of 200\.0 MB \(50 %\)/);
  assert.ok(text().includes('\u001b[?25h'));
});

test('on a terminal: the bar of a finished task is full', () => {
  const { stream, text } = collect(true);
  const display = createProgress({ stream });
  display.show({ ...FILE, done: 100e6 });
  display.show({ task: FILE.task, phase: 'done', done: 0, unit: 'bytes' });
  display.close();
  assert.match(text(), /█{30} a visual\.onnx: done/);
});

test('a display on which nothing was shown prints nothing', () => {
  for (const isTTY of [true, false]) {
    const { stream, text } = collect(isTTY);
    createProgress({ stream }).close();
    assert.equal(text(), '');
  }
});
