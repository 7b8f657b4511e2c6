/** What runtimes of a tenant's requests may start from (docs/adr/0093). */
export const TEMPLATE_SHARINGS = ['own', 'shared', 'none'] as const;
export type TemplateSharing = (typeof TEMPLATE_SHARINGS)[number];
