import { closeSync, openSync, renameSync, statSync, writeSync } from 'node:fs';

const BYTES_MAX = 10 * 1024 * 1024;

/**
 * A log file of bounded size: past 10 MiB it becomes `<path>.1`, replacing the one before.
 * It lies in a folder of root's, so that the server's user can't point it at another file.
 */
export function openLogFile(path) {
  let descriptor = openSync(path, 'a', 0o640);
  let bytes = statSync(path).size;
  return {
    write(text) {
      try {
        if (bytes > BYTES_MAX) {
          closeSync(descriptor);
          renameSync(path, `${path}.1`);
          descriptor = openSync(path, 'a', 0o640);
          bytes = 0;
        }
        bytes += writeSync(descriptor, text);
      } catch {
        // A full disk must not end the service; the lines are lost, nothing else.
      }
    },
    close: () => closeSync(descriptor),
  };
}
