/** What is wrong and where: the keys that lead to it in the file. */
export interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}
