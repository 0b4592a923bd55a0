// The permission that an operation needs, beside its path: a plug-in of Swagger UI.
import { caller, subscribe } from "./session.js";

const texts = document.getElementById("page").dataset;

/** Who is an admin may do everything; what other roles hold, only those who may read roles are told. */
const holdsAll = (user) => user?.roles.includes("admin") ?? false;

export const permissions = ({ React }) => ({
  wrapComponents: {
    OperationSummaryPath: (Path, { specSelectors }) =>
      function PathAndPermission(props) {
        const user = React.useSyncExternalStore(subscribe, caller);
        const { path: route, method } = props.operationProps.toObject();
        const permission = specSelectors.specJson().getIn(["paths", route, method, "x-permission"]);
        const path = React.createElement(Path, props);
        if (!permission) return path;
        const state = holdsAll(user) ? "held" : "needed";
        const badge = { className: `permission ${state}`, title: texts[state] };
        const beside = React.createElement("span", badge, permission);
        return React.createElement(React.Fragment, null, path, beside);
      },
  },
});
