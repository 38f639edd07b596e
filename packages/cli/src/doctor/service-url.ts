/** The host and port of a URL, without its credentials; for people. */
export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : "what is no URL";
}
