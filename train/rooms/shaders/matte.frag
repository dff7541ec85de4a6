#version 330
// Depth 0 where the nearest surface is too rough to mirror anything, else 1: what `shade` is then to leave.
uniform sampler2D albedo;
void main() { gl_FragDepth = texelFetch(albedo, ivec2(gl_FragCoord.xy), 0).a > 0.65 ? 0.0 : 1.0; }
