import { type Logger, pino, stdTimeFunctions } from 'pino';
import pretty from 'pino-pretty';
import type { LogConfig } from '../config/config.ts';

export type { Logger };

/**
 * Logs go to stderr: text where a person watches, JSON where a program reads. stdout is left to what commands print.
 * `name` is the Flow's; each line of JSON carries it.
 */
export function createLog(config: LogConfig, name?: string): Logger {
  const text = config.format === 'text' || (config.format === 'auto' && process.stderr.isTTY === true);
  const options = {
    level: config.level,
    base: name === undefined ? undefined : { name },
    timestamp: stdTimeFunctions.isoTime,
  };
  if (!text) return pino(options, pino.destination({ dest: 2, sync: true }));
  const colorize = process.env.NO_COLOR === undefined && process.env.JINA_LOG_NO_COLOR === undefined;
  return pino(
    options,
    pretty({ destination: 2, sync: true, colorize, translateTime: 'SYS:HH:MM:ss', ignore: 'name' }),
  );
}

/** A log that says nothing, for tests and commands. */
export const silentLog: Logger = pino({ level: 'silent' });
