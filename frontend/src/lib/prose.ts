/** Times inside texts that the API sends for people: there they are RFC 3339, in UTC. */

const TIME = /(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z)/;

/** Split a text into the pieces between its times, and the times themselves in UTC ms. */
export function splitTimes(text: string): (string | number)[] {
  return text
    .split(TIME)
    .map((piece) => (TIME.test(piece) && Date.parse(piece)) || piece)
    .filter((piece) => piece !== "");
}
