export const CI_LANGUAGES: readonly string[];
