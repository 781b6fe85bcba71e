// <cloud-tasks-theme>: a button that switches between dark and light; the system's setting is the default.

class CloudTasksTheme extends HTMLElement {
  connectedCallback() {
    const root = document.documentElement;
    const system = matchMedia("(prefers-color-scheme: dark)");
    const button = made("button", "", "", this);
    button.type = "button";
    const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
    const named = () => (button.textContent = isDark() ? "Light colours" : "Dark colours");
    try {
      root.dataset.theme = localStorage.getItem("cloud-tasks-theme") ?? "";
    } catch {
      // a browser may not store anything for local files
    }
    button.onclick = () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      try {
        localStorage.setItem("cloud-tasks-theme", root.dataset.theme);
      } catch {
        // as above
      }
      named();
    };
    system.addEventListener("change", named);
    named();
  }
}

customElements.define("cloud-tasks-theme", CloudTasksTheme);
