import { createHash } from 'node:crypto';
import { AuditError } from '../audit-error.js';
import { type AuditEntry, entryOf } from '../log/entry.js';
import type { Proven } from '../log/log.js';
import { parseCheckpoint } from '../note/checkpoint.js';
import { parseVerifier, type Signer } from '../note/key.js';
import { signedBy } from '../note/note.js';
import { leafHash } from '../tree/hash.js';
import { rootByProof } from '../tree/stored.js';
import { type Envelope, parseEnvelope, seal, unseal } from './dsse.js';

const IN_TOTO = 'application/vnd.in-toto+json';
const STATEMENT = 'https://in-toto.io/Statement/v1';
/** A tag URI: it names, nobody has to fetch it. */
export const RECEIPT_TYPE = 'tag:gozolite,2026:receipt:v1';

interface Statement {
  readonly _type: string;
  readonly subject: readonly Subject[];
  readonly predicateType: string;
  readonly predicate: Predicate;
}

interface Subject {
  readonly name: string;
  readonly digest: { readonly sha256: string };
}

interface Predicate {
  /** The line of the log, as its leaf has it. */
  readonly entry: string;
  readonly inclusion: {
    readonly index: number;
    readonly proof: readonly string[];
    /** A signed note. */
    readonly checkpoint: string;
  };
}

/** What an execution came to, for somebody who trusts the key and has nothing else. */
export function makeReceipt({ line, index, proof, checkpoint }: Proven, signer: Signer): Envelope {
  const entry = line.toString('utf8');
  const statement: Statement = {
    _type: STATEMENT,
    subject: subjectsOf(entryOf(line), line),
    predicateType: RECEIPT_TYPE,
    predicate: {
      entry,
      inclusion: { index, proof: proof.map((hash) => hash.toString('base64')), checkpoint },
    },
  };
  return seal(IN_TOTO, Buffer.from(JSON.stringify(statement)), signer);
}

/** The entry itself, and what it has digests of. */
function subjectsOf(entry: AuditEntry | undefined, line: Buffer): readonly Subject[] {
  const own = { name: entry?.execution_id ?? '', digest: { sha256: sha256(line) } };
  const others = Object.entries(digestsOf(entry)).map(([name, digest]) => ({
    name,
    digest: { sha256: digest },
  }));
  return [own, ...others];
}

export function digestsOf(entry: AuditEntry | undefined): Readonly<Record<string, string>> {
  const digests = entry?.digests;
  if (typeof digests !== 'object' || digests === null) return {};
  return Object.fromEntries(Object.entries(digests).map(([name, digest]) => [name, `${digest}`]));
}

export interface ReceiptOptions {
  readonly vkeys: readonly string[];
  /** What one has at hand, by the name of its digest: code, stdin, stdout … */
  readonly contents: Readonly<Record<string, Uint8Array>>;
}

export interface ReceiptReport {
  readonly entry: AuditEntry;
  /** The log, and its size when it was signed. */
  readonly log: string;
  readonly size: number;
  readonly key: string | undefined;
  /** Contents that are what the receipt is of. */
  readonly matching: readonly string[];
  readonly findings: readonly string[];
}

/** @throws AuditError where it is no receipt, or a key is none */
export function verifyReceipt(text: string, options: ReceiptOptions): ReceiptReport {
  const verifiers = options.vkeys.map(parseVerifier);
  const envelope = parseEnvelope(text);
  const { payload, signer } = unseal(envelope, verifiers);
  const statement = parseStatement(envelope.payloadType, payload);
  const { inclusion } = statement.predicate;
  const line = Buffer.from(statement.predicate.entry);
  const entry = entryOf(line);
  if (entry === undefined) throw new AuditError('the receipt has no entry of an audit log');
  const checkpoint = parseCheckpoint(inclusion.checkpoint);
  const { size, root } = checkpoint;
  const proof = inclusion.proof.map((hash) => Buffer.from(hash, 'base64'));
  const reached = rootByProof(leafHash(line), { index: inclusion.index, size, proof });
  const isSame = JSON.stringify(statement.subject) === JSON.stringify(subjectsOf(entry, line));
  const { matching, findings } = compare(entry, options.contents);
  return {
    ...{ entry, log: checkpoint.origin, size, key: signer?.vkey, matching },
    findings: [
      ...(signer === undefined ? ['it is signed by none of the keys'] : []),
      ...(signedBy(checkpoint.note, verifiers) === undefined
        ? ['its checkpoint is signed by none of the keys']
        : []),
      ...(reached?.equals(root) ? [] : ['its entry is not proven to be in the log']),
      ...(entry.index === inclusion.index ? [] : ['its entry is of another place of the log']),
      ...(isSame ? [] : ['its subjects are not those of its entry']),
      ...findings,
    ],
  };
}

function compare(entry: AuditEntry, contents: ReceiptOptions['contents']) {
  const digests = digestsOf(entry);
  const matching: string[] = [];
  const findings: string[] = [];
  for (const [name, bytes] of Object.entries(contents)) {
    if (digests[name] === sha256(bytes)) matching.push(name);
    else if (digests[name] === undefined) findings.push(`it says nothing of ${name}`);
    else findings.push(`${name} is not what the receipt is of`);
  }
  return { matching, findings };
}

function parseStatement(payloadType: string, payload: Buffer): Statement {
  const wrong = new AuditError('this is no receipt of GozoLite: an in-toto statement of its type');
  if (payloadType !== IN_TOTO) throw wrong;
  try {
    const statement: Statement = JSON.parse(payload.toString('utf8'));
    const { _type: type, predicateType, predicate, subject } = statement;
    const { entry, inclusion } = predicate;
    const isReceipt =
      type === STATEMENT &&
      predicateType === RECEIPT_TYPE &&
      Array.isArray(subject) &&
      typeof entry === 'string' &&
      typeof inclusion.checkpoint === 'string' &&
      Array.isArray(inclusion.proof) &&
      inclusion.proof.every((hash) => typeof hash === 'string');
    if (isReceipt) return statement;
  } catch {
    // Told below.
  }
  throw wrong;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
