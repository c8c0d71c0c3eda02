/** Process that settles one tower: its memory is given back, and ONNX Runtime may fall over in it. */
import { env } from 'onnxruntime-node';
import { answerTask } from './answer.ts';
import { rewriteRecognised } from './recognised.ts';

// What goes wrong is thrown as well.
env.logLevel = 'fatal';
answerTask(rewriteRecognised);
