export { type DoctorOptions, defineConfig, type HttpOptions, type OmniBoxConfig } from "./config/define-config.js";
