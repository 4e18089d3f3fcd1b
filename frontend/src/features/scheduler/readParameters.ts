import { messageOf } from "@/api/problem";

type Read =
  | { parameters: Record<string, unknown>; error?: undefined }
  | { parameters?: undefined; error: string };

/** Read parameters as typed: one JSON object, or what is wrong with it. */
export function readParameters(text: string): Read {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return { error: 'Names and values in braces are wanted, like {"days": 2}' };
    }
    return { parameters: Object.fromEntries(Object.entries(value)) };
  } catch (error) {
    return { error: `That is not JSON: ${messageOf(error)}` };
  }
}
