import { type Static, Type } from 'typebox';

/** A DSSE envelope of an in-toto statement: docs/reference/service/receipts.md. */
export const Receipt = Type.Object({
  payloadType: Type.Literal('application/vnd.in-toto+json'),
  payload: Type.String({ description: 'The statement, base64.' }),
  signatures: Type.Array(
    Type.Object({
      keyid: Type.String({ description: "The key's name and id: <name>+<8 hex digits>." }),
      sig: Type.String({ description: 'Ed25519, base64.' }),
    }),
  ),
});
export type Receipt = Static<typeof Receipt>;

/** What receipts and checkpoints are checked with. */
export const AuditKey = Type.Object({
  key: Type.String({ description: '<name>+<id>+<base64>, as C2SP signed-note has it.' }),
  log: Type.String({ description: 'The name of the log.' }),
  entries: Type.Integer(),
});
export type AuditKey = Static<typeof AuditKey>;
