import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Refusal } from '@gozolite/contract/refusal';
import type { Connections } from './connections.js';
import { SECURITY_LINES } from './edge/security.js';
import { PROBLEM_MEDIA_TYPE, problemOf } from './problem.js';
import { makeRequestId } from './request-id.js';

/**
 * Answers what is no HTTP request, or none that ever became whole. Node hands over the bare
 * connection (its 'clientError' event), so the response is written by hand; then it closes.
 */
export function answerClientError(
  connections: Connections,
  error: NodeJS.ErrnoException,
  socket: Socket,
): void {
  if (connections.isBroken(socket)) {
    // It has its answer, which closes it.
    socket.destroySoon();
    return;
  }
  if (error.code === 'ECONNRESET' || !socket.writable || !connections.mayAnswer(socket)) {
    socket.destroy();
    return;
  }
  const requestId = makeRequestId();
  const problem = problemOf(refusalFor(error.code), requestId);
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    `Content-Type: ${PROBLEM_MEDIA_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    'Connection: close',
    ...SECURITY_LINES,
  ];
  // destroySoon closes after the bytes are out, whatever the client still sends.
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  socket.destroySoon();
}

function refusalFor(code: string | undefined): Refusal {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return { code: 'HEADERS_TOO_LARGE', detail: 'The headers are larger than 16 KiB.' };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return {
        code: 'REQUEST_TIMEOUT',
        detail: 'Headers have to arrive within 10 seconds, the whole request within 30.',
      };
    default:
      return { code: 'BAD_REQUEST', detail: 'This is not an HTTP/1.1 request.' };
  }
}
