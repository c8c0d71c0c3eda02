import { join } from 'node:path';
import type {
  Block,
  Bottleneck,
  Convolution,
  EndToken,
  Linear,
  Norm,
  ResNetArchitecture,
  TextArchitecture,
  Transformer,
  VisionTransformerArchitecture,
  Weight,
} from '../../../src/model/architecture/architecture.ts';
import { Constants } from '../../../src/model/onnx/constants/constants.ts';
import { GraphLinks } from '../../../src/model/onnx/links.ts';
import { readOnnx } from '../../../src/model/onnx/read.ts';

/** Weights of a file of `test/models` by the names that the generator gives them: no recogniser is needed. */
export class KnownNames {
  readonly path: string;
  readonly #constants: Constants;

  private constructor(path: string, constants: Constants) {
    this.path = path;
    this.#constants = constants;
  }

  static async of(path: string): Promise<KnownNames> {
    return new KnownNames(path, await Constants.of(new GraphLinks(await readOnnx(path))));
  }

  has(name: string): boolean {
    return this.#constants.weight(name) !== undefined;
  }

  weight(name: string): Weight {
    const weight = this.#constants.weight(name);
    if (!weight) throw new Error(`${this.path} has no ${name}`);
    return weight;
  }

  linear(name: string): Linear {
    return { ...this.matrix(`${name}.weight`), bias: this.weight(`${name}.bias`) };
  }

  matrix(name: string): Linear {
    const weight = this.weight(name);
    return { weight, layout: 'in-out', inputs: weight.dims[0]!, outputs: weight.dims[1]! };
  }

  norm(name: string): Norm {
    return { scale: this.weight(`${name}.weight`), shift: this.weight(`${name}.bias`), epsilon: 1e-5 };
  }

  transformer(heads: number, activation: Transformer['activation'] = 'quick_gelu'): Transformer {
    const blocks: Block[] = [];
    for (let i = 0; this.has(`resblocks.${i}.attn.in_proj.weight`); i++) {
      const name = `resblocks.${i}`;
      blocks.push({
        attentionNorm: this.norm(`${name}.ln_1`),
        projections: { joint: this.linear(`${name}.attn.in_proj`) },
        attentionOutput: this.linear(`${name}.attn.out_proj`),
        mlpNorm: this.norm(`${name}.ln_2`),
        mlpInput: this.linear(`${name}.mlp.c_fc`),
        mlpOutput: this.linear(`${name}.mlp.c_proj`),
      });
    }
    return { width: blocks[0]!.mlpInput.inputs, heads, activation, blocks };
  }

  convolution(name: string, stride = 1): Convolution {
    const weight = this.weight(`${name}.conv`);
    const batchNorm = {
      scale: this.weight(`${name}.bn.scale`),
      shift: this.weight(`${name}.bn.bias`),
      mean: this.weight(`${name}.bn.mean`),
      variance: this.weight(`${name}.bn.var`),
      epsilon: 1e-5,
    };
    return { weight, stride, padding: (weight.dims[2]! - 1) / 2, batchNorm };
  }
}

export async function textArchitecture(
  folder: string,
  heads: number,
  choice: Partial<TextArchitecture> = {},
  activation?: Transformer['activation'],
): Promise<TextArchitecture> {
  const file = await KnownNames.of(join(folder, 'textual.onnx'));
  const projection = file.matrix('text_projection');
  const endToken: EndToken = { rule: 'largest' };
  return {
    family: 'text',
    outputWidth: projection.outputs,
    normalised: false,
    precision: 'fp32',
    tokens: file.weight('token_embedding'),
    positions: file.weight('positional_embedding'),
    transformer: file.transformer(heads, activation),
    finalNorm: file.norm('ln_final'),
    projection,
    endToken,
    ...choice,
  };
}

export async function visionArchitecture(
  folder: string,
  heads: number,
  choice: Partial<VisionTransformerArchitecture> = {},
  activation?: Transformer['activation'],
): Promise<VisionTransformerArchitecture> {
  const file = await KnownNames.of(join(folder, 'visual.onnx'));
  const weight = file.weight('conv1.weight');
  const stride = weight.dims[2]!;
  const positions = file.weight('positional_embedding');
  const projection = file.matrix('proj');
  return {
    family: 'vit',
    outputWidth: projection.outputs,
    normalised: false,
    precision: 'fp32',
    resolution: Math.sqrt(positions.dims[0]! - 1) * stride,
    patch: { weight, stride, padding: 0 },
    classToken: file.weight('class_embedding'),
    positions,
    preNorm: file.norm('ln_pre'),
    transformer: file.transformer(heads, activation),
    postNorm: file.norm('ln_post'),
    projection,
    ...choice,
  };
}

export async function resnetArchitecture(
  folder: string,
  stages: readonly number[],
): Promise<ResNetArchitecture> {
  const file = await KnownNames.of(join(folder, 'visual.onnx'));
  const stem = [
    file.convolution('stem.1', 2),
    file.convolution('stem.2'),
    file.convolution('stem.3'),
  ] as const;
  const bottleneck = (stage: number, i: number): Bottleneck => {
    const name = `layer${stage + 1}.${i}`;
    const convolutions = [1, 2, 3].map((n) => file.convolution(`${name}.${n}`)) as [
      Convolution,
      Convolution,
      Convolution,
    ];
    return {
      convolutions,
      stride: stage > 0 && i === 0 ? 2 : 1,
      ...(file.has(`${name}.downsample.conv`) && { shortcut: file.convolution(`${name}.downsample`) }),
    };
  };
  const positions = file.weight('attnpool.positions');
  const output = file.linear('attnpool.c_proj');
  return {
    family: 'resnet',
    outputWidth: output.outputs,
    normalised: false,
    precision: 'fp32',
    resolution: Math.sqrt(positions.dims[0]! - 1) * 32,
    stem,
    stages: stages.map((count, stage) => Array.from({ length: count }, (_, i) => bottleneck(stage, i))),
    pool: {
      positions,
      heads: positions.dims[1]! / 64,
      query: file.linear('attnpool.q_proj'),
      key: file.linear('attnpool.k_proj'),
      value: file.linear('attnpool.v_proj'),
      output,
    },
  };
}
