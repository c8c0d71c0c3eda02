import { ClipError, type ErrorCode } from '../../errors.ts';

/** Where in the request: `['body', 'data', 0, 'text']`. */
export type Location = readonly (string | number)[];

/** A fault in one field, with the place and the kind that the reference's 422 answer carries. */
export class FieldError extends ClipError {
  readonly location: Location;
  /** The fault without the place. */
  readonly fault: string;
  /** pydantic's name for the kind of fault, for example `type_error.str`. */
  readonly type: string;

  constructor(location: Location, fault: string, type = 'value_error', code: ErrorCode = 'invalid_document') {
    super(code, `${location.join('.')}: ${fault}`);
    this.location = location;
    this.fault = fault;
    this.type = type;
  }
}

/** A short description of a value for messages; never its content. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
