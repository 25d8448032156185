/** What a pulled device's routes answer with, as plain data: whoever serves HTTP sends it as it stands. */
export interface PulledAnswer {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string;
}
