import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const ROOT = resolve(import.meta.dirname, '../..');
const require = createRequire(import.meta.url);
const FETCHED = new Map([
  [10, '10.16.0.72'],
  [11, '11.4.0.106'],
]);
const MAJORS = [...FETCHED.keys()];

const moduleOf = (major: number) => join(ROOT, `build/Release/tensorrt${major}.node`);
const headersOf = (major: number) => join(ROOT, `native/headers/tensorrt${major}`);
/** A major whose headers are there has to have its module. */
const isWanted = (major: number) => existsSync(headersOf(major)) || existsSync(moduleOf(major));
const skip = !MAJORS.every(isWanted) && 'no headers of both majors; npm run headers fetches them';

/** Lines of readelf's tables; it comes with every compiler. */
function readelf(option: string, major: number): string[] {
  return execFileSync('readelf', ['-W', option, moduleOf(major)], { encoding: 'utf8' }).split('\n');
}

interface Symbol {
  readonly name: string;
  /** Absent where the library of it is not said. */
  readonly library: string | undefined;
  readonly weak: boolean;
  readonly defined: boolean;
}

/** Rows are: number, value, size, type, binding, visibility, section, name@library. */
function symbolsOf(major: number): Symbol[] {
  return readelf('--dyn-syms', major)
    .map((line) => line.trim().split(/\s+/))
    .filter(([at, , , , , , , symbol]) => /^\d+:$/.test(at!) && symbol !== undefined)
    .map(([, , , , binding, , section, symbol]) => {
      const [name, library] = symbol!.split(/@+/);
      return { name: name!, library, weak: binding === 'WEAK', defined: section !== 'UND' };
    });
}

test('the modules of both majors load in one process, each of its own headers', { skip }, () => {
  for (const major of MAJORS) {
    const { headers } = require(moduleOf(major)) as { headers: string };
    assert.match(headers, new RegExp(`^${major}\\.\\d+\\.\\d+\\.\\d+$`));
    if (existsSync(headersOf(major)) && process.env.CLIP_TENSORRT_INCLUDE === undefined)
      assert.equal(headers, FETCHED.get(major));
  }
});

test('the modules need no library beside those of C, C++ and the compiler', { skip }, () => {
  const allowed =
    /^(lib(c|m|dl|pthread)\.so\.\d+|ld-linux[-\w]*\.so\.\d+|libstdc\+\+\.so\.6|libgcc_s\.so\.1)$/;
  for (const major of MAJORS) {
    const needed = readelf('-d', major).flatMap((line) => /\(NEEDED\).*\[(.+)\]/.exec(line)?.[1] ?? []);
    assert.ok(needed.length > 0, 'readelf lists what is needed');
    assert.deepEqual(
      needed.filter((name) => !allowed.test(name)),
      [],
    );
  }
});

test("the modules leave no symbol open but Node-API's and those of the libraries that they need", {
  skip,
}, () => {
  for (const major of MAJORS) {
    const open = symbolsOf(major).filter(({ defined }) => !defined);
    assert.ok(open.length > 0, 'readelf lists what is open');
    const foreign = open.filter(
      ({ name, library, weak }) =>
        !/^(napi|node_api)_/.test(name) &&
        !(weak && /^(_ITM_(de)?registerTMCloneTable|__gmon_start__)$/.test(name)) &&
        !/^(GLIBC|GLIBCXX|CXXABI|GCC)_/.test(library ?? ''),
    );
    assert.deepEqual(foreign, []);
  }
});

test('the modules show nothing but the two functions that Node looks for', { skip }, () => {
  for (const major of MAJORS) {
    const shown = symbolsOf(major).filter(({ defined }) => defined);
    assert.deepEqual(shown.map(({ name }) => name).sort(), [
      'napi_register_module_v1',
      'node_api_module_get_api_version_v1',
    ]);
  }
});
