/* The section "Workbench" of JupyterLab's launcher, with a tile for each notebook that came with the workbench.
 *
 * What webpack would make of a JupyterLab extension, written out: a container with `init`, which is given the packages
 * that all extensions share, and `get`, which gives the extension. So that it needs no build, and no npm.
 */
(() => {
  const COMMAND = "stem-workbench:open-notebook";
  const folder = document.currentScript.src.replace(/[^/]*$/, "");
  let packages;

  async function load(name) {
    const [version] = Object.values(packages[name]); // there is one of each: JupyterLab's own
    return (await version.get())();
  }

  async function makePlugin() {
    const { ILauncher } = await load("@jupyterlab/launcher");
    return {
      id: "stem-workbench:launcher",
      description: "Tiles for the notebooks of the workbench.",
      autoStart: true,
      optional: [ILauncher], // which Jupyter Notebook does not have
      activate: (app, launcher) => {
        if (!launcher) return;
        // not awaited: JupyterLab starts without waiting for us
        addTiles(app, launcher).catch((error) => console.warn("stem-workbench: no tiles in the launcher", error));
      },
    };
  }

  async function addTiles(app, launcher) {
    const { ServerConnection } = await load("@jupyterlab/services");
    const { LabIcon } = await load("@jupyterlab/ui-components");
    const { showErrorMessage } = await load("@jupyterlab/apputils");
    const settings = app.serviceManager.serverSettings;

    async function fetchJson(...path) {
      const address = [`${settings.baseUrl}stem-workbench/notebooks`, ...path.map(encodeURIComponent)].join("/");
      const response = await ServerConnection.makeRequest(address, {}, settings);
      if (!response.ok) throw new ServerConnection.ResponseError(response);
      return response.json();
    }

    const svg = await (await fetch(`${folder}icon.svg`)).text();
    const icon = new LabIcon({ name: "stem-workbench:icon", svgstr: svg });
    const tiles = new Map((await fetchJson()).map((tile) => [tile.name, tile]));
    const opening = new Map(); // by path: two quick clicks copy once

    app.commands.addCommand(COMMAND, {
      label: (args) => tiles.get(args.name)?.label ?? "Open a notebook of the workbench",
      caption: (args) => tiles.get(args.name)?.title ?? "",
      icon,
      execute: async ({ name, cwd }) => {
        const path = cwd ? `${cwd}/${name}` : name;
        try {
          if (!opening.has(path)) opening.set(path, copyUnlessThere(name, path));
          await opening.get(path);
          return await app.commands.execute("docmanager:open", { path });
        } catch (error) {
          await showErrorMessage(`Cannot open ${name}`, error);
        } finally {
          opening.delete(path);
        }
      },
    });
    [...tiles.keys()].forEach((name, rank) => {
      launcher.add({ command: COMMAND, args: { name }, category: "Workbench", rank });
    });

    /* What lies under that name stays as it is. Only "not found" lets us write: any other error may hide a file. */
    async function copyUnlessThere(name, path) {
      const { contents } = app.serviceManager;
      try {
        await contents.get(path, { content: false });
      } catch (error) {
        if (error.response?.status !== 404) throw error;
        await contents.save(path, { type: "notebook", format: "json", content: await fetchJson(name) });
      }
    }
  }

  (window._JUPYTERLAB ??= {})["stem-workbench"] = {
    init: (shared) => {
      packages = shared;
    },
    get: async () => {
      const plugin = await makePlugin();
      return () => ({ __esModule: true, default: plugin });
    },
  };
})();
