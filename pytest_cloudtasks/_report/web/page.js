// The script of a test's page, which unpacks its timeline and shows it.

/** @returns {Promise<any>} */
async function unpacked() {
  const packed = document.getElementById("data")?.textContent ?? "";
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

async function begin() {
  const viewer = /** @type {CloudTasksTimeline | null} */ (document.querySelector("cloud-tasks-timeline"));
  if (viewer) {
    viewer.timeline = await unpacked();
    if (innerWidth >= 1000) viewer.selectFailure();
  }
  document.documentElement.dataset.ready = "true";
}

begin();
