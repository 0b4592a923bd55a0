// The permission that an operation needs, beside its path: a plug-in of Swagger UI.
import { caller, subscribe } from "./session.js";

const texts = document.getElementById("page").dataset;

/** Whether the caller holds it; undefined where the page cannot know. */
function holds(user) {
  return user?.roles.includes("admin") ? true : undefined;
}

export const permissions = ({ React }) => ({
  wrapComponents: {
    OperationSummaryPath: (Path) =>
      function PathAndPermission(props) {
        const user = React.useSyncExternalStore(subscribe, caller);
        const permission = props.operationProps.getIn(["op", "x-permission"]);
        const path = React.createElement(Path, props);
        if (!permission) return path;
        const state = { true: "held", undefined: "needed" }[holds(user)];
        const badge = { className: `permission ${state}`, title: texts[state] };
        return React.createElement(React.Fragment, null, path, React.createElement("span", badge, permission));
      },
  },
});
