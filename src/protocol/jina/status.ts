import type { ClipError } from '../../errors.ts';

/** `StatusProto` of a failed request, as the reference's clients read it. */
export interface Status {
  readonly code: 1;
  /** Python's `repr` of the exception. */
  readonly description: string;
  readonly exception: {
    readonly name: string;
    /** The message, then this server's own code, which tells apart what one Python name stands for. */
    readonly args: readonly string[];
    /** Always empty: a server's own call stacks are of no use to a client and tell too much. */
    readonly stacks: readonly string[];
    readonly executor: string;
  };
}

export function statusOf(error: ClipError): Status {
  const name = error.kind.exception;
  return {
    code: 1,
    description: `${name}(${pythonString(error.message)})`,
    exception: { name, args: [error.message, error.code], stacks: [], executor: 'CLIPEncoder' },
  };
}

function pythonString(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  return `${quote}${quote === "'" ? escaped.replaceAll("'", "\\'") : escaped}${quote}`;
}
