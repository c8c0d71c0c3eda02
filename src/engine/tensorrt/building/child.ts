/** Process that builds plans and judges them: TensorRT, the driver and ONNX Runtime may fall over in it. */
import { env } from 'onnxruntime-node';
import { answerParent } from '../../../child.ts';
import type { Said, Task } from './messages.ts';
import { work } from './work.ts';

// What goes wrong is thrown as well.
env.logLevel = 'fatal';
answerParent<Task, Said>((task, say) => {
  work(task, say).then(
    (answer) => say({ answer }),
    (error: Error) => say({ answer: { failure: error.message } }),
  );
});
