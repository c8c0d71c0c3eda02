import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Context } from './context.ts';
import type { WITH_KEYS } from './keys/flow.ts';
import type { Given, Section } from './section.ts';

/** What headers and metadata of every protocol can carry: printable ASCII without spaces. */
const KEY = /^[!-~]{1,512}$/;
/** A key that is shorter can be guessed. */
const SAFE_LENGTH = 16;

/**
 * The accepted keys as digests; empty where none is set. Keys of the flow and of its file add up and come before the
 * environment's. What is set and holds no key is a fault, so that a slip does not open the server. No message quotes a key.
 */
export async function readApiKeys(server: Section<typeof WITH_KEYS>, context: Context): Promise<string[]> {
  const inFlow = server.given('api_keys');
  const file = server.given('api_keys_file');
  const lists = [inFlow, file && (await readKeyFile(file, context))].filter((list) => list !== undefined);
  const variable = context.variables.given('CLIP_SERVER_API_KEYS');
  if (lists.length === 0 && variable) lists.push(variable);
  const keys = lists.flatMap((list) => checked(list, context));
  return [...new Set(keys.map((key) => createHash('sha256').update(key).digest('hex')))];
}

async function readKeyFile(
  { value, at, key }: Given<string>,
  { cwd, environment, findings }: Context,
): Promise<Given<readonly string[]> | undefined> {
  const path = environment.path(value, cwd);
  try {
    const lines = (await readFile(path, 'utf8')).split('\n').map((line) => line.trim());
    return { value: lines.filter((line) => line !== '' && !line.startsWith('#')), at, key };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    findings.fault(at, key, `expected a file that can be read, got ${path} (${code})`);
    return undefined;
  }
}

function checked({ value, at, key }: Given<readonly string[]>, { findings }: Context): readonly string[] {
  if (value.length === 0) findings.fault(at, key, 'expected at least one key, got none');
  for (const [i, text] of value.entries()) {
    if (!KEY.test(text))
      findings.fault(
        at,
        key,
        `expected 1 to 512 visible ASCII characters, got ${text.length} characters with others in key ${i + 1}`,
      );
    else if (text.length < SAFE_LENGTH)
      findings.warn(
        at,
        key,
        `key ${i + 1} has ${text.length} characters; fewer than ${SAFE_LENGTH} can be guessed`,
      );
  }
  return value;
}
