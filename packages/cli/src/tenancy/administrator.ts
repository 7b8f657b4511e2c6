import type { Admin } from '@gozolite/sdk/admin';

/** What the SDK does over HTTP, and the local store without. */
export interface Administrator extends Pick<Admin, keyof Admin>, AsyncDisposable {}
