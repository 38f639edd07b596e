/**
 * Tells whether a topic matches a binding's pattern of dot-separated words, where `*` stands for one word and `#` for any
 * number of them, as in AMQP 0-9-1 topic exchanges.
 */
export function matchesTopic(pattern: string, topic: string): boolean {
  return matchesWords(pattern.split("."), topic.split("."));
}

function matchesWords(pattern: readonly string[], topic: readonly string[]): boolean {
  const [word, ...restOfPattern] = pattern;
  if (word === undefined) return topic.length === 0;
  if (word === "#") {
    return matchesWords(restOfPattern, topic) || (topic.length > 0 && matchesWords(pattern, topic.slice(1)));
  }
  const matches = topic.length > 0 && (word === "*" || word === topic[0]);
  return matches && matchesWords(restOfPattern, topic.slice(1));
}
