#version 330
// One vertex of the scene into the picture; the picture's first row is the buffer's first row.
in vec3 position;
in vec4 normal;
in vec3 pattern;
in vec4 colour;
in vec4 surface;
uniform mat4 projection;
uniform vec3 eye;
uniform vec3 forward;
uniform vec4 clip;      // what is behind this plane is cut off, in views of a mirror
out float depth;
out vec3 world_normal;
out vec3 world;
out vec3 coordinates;
flat out vec3 base;
flat out vec4 kind;
void main() {
    gl_Position = projection * vec4(position - eye, 1.0);
    gl_ClipDistance[0] = dot(clip, vec4(position, 1.0));
    depth = dot(position - eye, forward);
    world_normal = normal.xyz;
    world = position;
    coordinates = pattern;
    base = colour.rgb * colour.rgb;
    kind = surface;
}
