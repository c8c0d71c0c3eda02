import { ClipError, type ErrorCode } from '../../errors.ts';

/** A fault of one key of the body. */
export class ParameterError extends ClipError {
  readonly parameter: string;

  constructor(parameter: string, fault: string, code: ErrorCode = 'invalid_request') {
    super(code, `${parameter}: ${fault}`);
    this.parameter = parameter;
  }
}
