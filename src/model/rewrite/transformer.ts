import type { Block, Transformer } from '../architecture/architecture.ts';
import { apart, attendAll, attendOnce } from './attention.ts';
import type { GraphDraft, Value } from './draft.ts';
import { activate, addBranch, linear, norm } from './layers.ts';
import type { Sequence } from './sequence.ts';

/**
 * The residual blocks: [tokens, width] → [rows, width], the tokens that become the vectors. Of the last block nothing else
 * is asked, so it is computed for them alone.
 */
export function transformer(g: GraphDraft, x: Value, shape: Transformer, sequence: Sequence): Value {
  const { blocks, heads, width } = shape;
  let stream = x;
  for (const [i, block] of blocks.entries()) {
    const role = `blocks.${i}`;
    const normed = norm(g, stream, block.attentionNorm, `${role}.attentionNorm`);
    let attended: Value;
    if (i < blocks.length - 1) {
      attended = attendAll(g, normed, block.projections, heads, sequence, role);
    } else {
      stream = sequence.pick(stream, width);
      const one = sequence.pick(normed, width);
      const all = sequence.spread(normed, [width]);
      attended = attendOnce(g, one, all, apart(block.projections), heads, sequence.pickedMask, role);
    }
    stream = rest(g, stream, attended, block, shape.activation, role);
  }
  return blocks.length === 0 ? sequence.pick(stream, width) : stream;
}

/** What follows the attention in a block. */
function rest(
  g: GraphDraft,
  stream: Value,
  attended: Value,
  block: Block,
  activation: Transformer['activation'],
  role: string,
): Value {
  const middle = addBranch(g, stream, linear(g, attended, block.attentionOutput, `${role}.attentionOutput`));
  const normed = norm(g, middle, block.mlpNorm, `${role}.mlpNorm`);
  const inner = activate(g, linear(g, normed, block.mlpInput, `${role}.mlpInput`), activation);
  return addBranch(g, middle, linear(g, inner, block.mlpOutput, `${role}.mlpOutput`));
}
