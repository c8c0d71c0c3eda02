import type { TensorRtError } from '../../src/native/tensorrt.ts';
import type { Bench } from './child.ts';

/** The library's own version stands there in a plan's header. */
const MINOR_AT = 25;

/** Whether the door refuses what is no plan of this library, and takes the plan itself after all that. */
export async function checkPlans({ tensorRt, device, find, plan }: Bench): Promise<void> {
  const { bytes } = await plan('text');
  const foreign = bytes.slice();
  foreign[MINOR_AT]! ^= 1;
  const cases = {
    'a plan of another version of TensorRT': foreign,
    'the header of a plan alone': bytes.subarray(0, 27),
    'another file': new TextEncoder().encode('this is something else altogether'.repeat(1000)),
  };
  for (const [name, wrong] of Object.entries(cases)) {
    const code = await tensorRt.open(wrong, device).then(
      async (engine) => {
        await engine.close();
        return 'no error';
      },
      (error: TensorRtError) => `${error.code}`,
    );
    const detail = code === 'plan' ? undefined : `plan expected, got ${code}`;
    find({
      name: `${name} is refused`,
      outcome: detail ? 'failed' : 'passed',
      ...(detail !== undefined && { detail }),
    });
  }
  const engine = await tensorRt.open(bytes, device);
  await engine.close();
  find({ name: 'the plan itself is taken after that', outcome: 'passed' });
}
