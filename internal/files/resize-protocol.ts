/** Exit code by which the resize worker says that it cannot load its image library. */
export const missingSharp = 3;
