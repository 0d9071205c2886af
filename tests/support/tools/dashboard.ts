// The type of docs/grafana-dashboard.json: Grafana's own schema, with the options of the panels that it uses.
import type * as heatmap from "@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen";
import type * as stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as timeseries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";
import type * as dashboard from "@grafana/schema/dist/esm/raw/dashboard/x/Dashboard_types.gen";

// JSON has the values of enumerations, not their names.
type Json<T> = T extends string ? `${T}` : T extends number ? number : T extends (infer U)[] ? Json<U>[]
  : T extends object ? { [K in keyof T]: Json<T[K]> } : T;

// The schema leaves the options and the queries of panels open, because each plugin has its own.
interface Query {
  refId: string;
  datasource: dashboard.DataSourceRef;
  editorMode: "code";
  expr: string;
  legendFormat: string;
  range: true;
  format?: "heatmap";
}
type PanelOf<Type, Options, Custom> = Omit<dashboard.Panel, "type" | "options" | "fieldConfig" | "targets"> & {
  type: Type;
  options: Options;
  fieldConfig: {
    defaults: Omit<dashboard.FieldConfig, "custom"> & { custom?: Custom };
    overrides: dashboard.FieldConfigSource["overrides"];
  };
  targets: Query[];
};
type Panel =
  | PanelOf<"stat", stat.Options, never>
  | PanelOf<"timeseries", timeseries.Options, timeseries.FieldConfig>
  | PanelOf<"heatmap", heatmap.Options, heatmap.FieldConfig>
  | dashboard.RowPanel;

export type Dashboard = Json<Omit<dashboard.Dashboard, "panels"> & { panels: Panel[] }>;
