import { isDataName } from '@gozolite/contract/data/data-set';

export interface ListReader {
  list(name: string, separator: string): readonly string[];
}

/** The policy of the one tenant that there is. */
export function readDataAllow(read: ListReader, faults: string[]): readonly string[] {
  const allow = [...new Set(read.list('GOZO_DATA_ALLOW', ','))];
  for (const name of allow.filter((each) => each !== '*' && !isDataName(each))) {
    const what = 'no name of a data set: small letters, digits, and . _ - between them';
    faults.push(`GOZO_DATA_ALLOW has "${name}", which is ${what}`);
  }
  return allow;
}
