/** Process that settles one tower: its memory is given back, and ONNX Runtime may fall over in it. */
import { env } from 'onnxruntime-node';
import { answerTask } from './answer.ts';
import { rewriteTower } from './rewrite-tower.ts';

// What goes wrong is thrown as well.
env.logLevel = 'fatal';
answerTask(rewriteTower);
