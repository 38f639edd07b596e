/** An optional peer, or `null` where it is not installed. */
export async function importPeer<Module>(load: () => Promise<Module>): Promise<Module | null> {
  try {
    return await load();
  } catch (error) {
    if (error instanceof Error && Reflect.get(error, "code") === "ERR_MODULE_NOT_FOUND") return null;
    throw error;
  }
}
