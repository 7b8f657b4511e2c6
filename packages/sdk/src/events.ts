import type { KeptExecution } from '@gozolite/contract/kept/kept';

/** One thing that happened to an execution; `ended` is the last. */
export type ExecutionEvent =
  | { readonly name: 'queued'; readonly data: QueuedData }
  | { readonly name: 'compiling' | 'started'; readonly data: { readonly at?: string } }
  | { readonly name: 'output'; readonly data: OutputData }
  | { readonly name: 'ended'; readonly data: KeptExecution };

export interface QueuedData {
  readonly at?: string;
  /** 1 is the next; absent where it does not wait. */
  readonly position?: number;
  readonly expected_wait_ms?: number;
}

export interface OutputData {
  readonly stage: 'compile' | 'run';
  readonly stream: 'stdout' | 'stderr';
  /** Since the program could run. */
  readonly time_ms: number;
  readonly content: string;
  readonly encoding?: 'base64';
}

export type NumberedEvent = ExecutionEvent & { readonly id: string | undefined };

/** The events of a stream as the server writes it: one line each of id, event and data. */
export async function* readEvents(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<NumberedEvent, void> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const bytes of body) {
    text += decoder.decode(bytes, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const event = eventOf(text.slice(0, end));
      text = text.slice(end + 2);
      if (event !== undefined) yield event;
    }
  }
}

function eventOf(block: string): NumberedEvent | undefined {
  const fields = new Map(
    block.split('\n').map((line) => {
      const cut = line.indexOf(': ');
      return [line.slice(0, cut), line.slice(cut + 2)];
    }),
  );
  const data = fields.get('data');
  if (data === undefined) return undefined; // A heartbeat.
  // The server is believed here, as for every other answer.
  return {
    id: fields.get('id'),
    name: fields.get('event'),
    data: JSON.parse(data),
  } as NumberedEvent;
}
