// Light on a surface: rectangles (Lambert's vector irradiance; horizon after Hill and Heitz 2017), the box room's own
// radiance (radiosity.py), the sun.
// Mesa's renderer for CPUs computes both sides of an `if`, and one turn too many of a loop that tests before its body: hence
// `do` loops, and programs of their own for what few pixels need.
#define LIGHTS 16
uniform int lights;
uniform vec3 centres[LIGHTS];
uniform vec3 halves_x[LIGHTS];
uniform vec3 halves_y[LIGHTS];
uniform vec3 radiances[LIGHTS];
uniform int channels[LIGHTS];       // where its visibility is kept; -1 nowhere
uniform sampler3D probes;           // irradiance / pi from +x -x +y -y +z -z, stacked along z
uniform int probe_levels;
uniform sampler2D walls;            // radiance of the room's faces, in the same order, stacked along y
uniform vec3 room;                  // [m]
uniform vec3 sun;                   // towards it
uniform vec3 sun_radiance;          // irradiance / pi on a surface facing it; 0 without

// angle / sine over 2 pi between two directions, times their cross product (Hill and Heitz 2017)
vec3 edge(vec3 a, vec3 b) {
    float x = dot(a, b), y = abs(x);
    float v = (0.8543985 + (0.4965155 + 0.0145206 * y) * y) / (3.4175940 + (4.1616724 + y) * y);
    return cross(a, b) * (x > 0.0 ? v : 0.5 * inversesqrt(max(1.0 - x * x, 1e-7)) - v);
}
// irradiance / pi over the light's radiance
float from_rectangle(int i, vec3 place, vec3 normal) {
    vec3 middle = centres[i] - place, x = halves_x[i], y = halves_y[i];
    if (dot(middle, cross(x, y)) < 0.0) return 0.0;      // it shines along -z only
    vec3 a = normalize(middle - x - y), b = normalize(middle + x - y), c = normalize(middle + x + y);
    vec3 d = normalize(middle - x + y);
    vec3 f = (edge(a, b) + edge(b, c) + edge(c, d) + edge(d, a));
    f = dot(f, middle) < 0.0 ? -f : f;
    float size = length(f), z = dot(f, normal);
    return max(0.0, (size * size + z) / (size + 1.0));
}
vec3 from_room(vec3 place, vec3 normal) {
    vec3 at = clamp(place / room, 0.0, 1.0), weight = normal * normal;
    float levels = float(probe_levels);
    float low = 0.5 / levels, z = clamp(at.z, low, 1.0 - low);
    vec3 x = texture(probes, vec3(at.xy, ((normal.x < 0.0 ? 1.0 : 0.0) + z) / 6.0)).rgb;
    vec3 y = texture(probes, vec3(at.xy, ((normal.y < 0.0 ? 3.0 : 2.0) + z) / 6.0)).rgb;
    vec3 w = texture(probes, vec3(at.xy, ((normal.z < 0.0 ? 5.0 : 4.0) + z) / 6.0)).rgb;
    return x * weight.x + y * weight.y + w * weight.z;
}
// what a reflection sees: the lights, and the room's faces behind
vec3 reflected(vec3 place, vec3 direction, float roughness, vec4 first, vec4 rest) {
    vec3 safe = vec3(abs(direction.x) < 1e-5 ? 1e-5 : direction.x, abs(direction.y) < 1e-5 ? 1e-5 : direction.y,
                     abs(direction.z) < 1e-5 ? 1e-5 : direction.z);
    vec3 far = (mix(vec3(0.0), room, step(0.0, safe)) - clamp(place, vec3(0.001), room - 0.001)) / safe;
    float along = min(far.x, min(far.y, far.z));
    vec3 hit = clamp((place + along * direction) / room, 0.0, 1.0);
    float face = along == far.x ? (safe.x > 0.0 ? 0.0 : 1.0) : along == far.y ? (safe.y > 0.0 ? 2.0 : 3.0) : (safe.z > 0.0 ? 4.0 : 5.0);
    vec2 uv = along == far.x ? hit.yz : along == far.y ? hit.xz : hit.xy;
    float side = float(textureSize(walls, 0).x);
    uv = clamp(uv, 0.5 / side, 1.0 - 0.5 / side);
    vec3 result = texture(walls, vec2(uv.x, (face + uv.y) / 6.0)).rgb;
    float blur = max(roughness * roughness * 1.5, 0.01);
    int i = 0;
    do {
        vec3 x = halves_x[i], y = halves_y[i], z = cross(x, y);
        float towards = dot(direction, z);
        if (towards <= 1e-6) continue;
        float t = dot(centres[i] - place, z) / towards;
        if (t <= 0.0) continue;
        vec3 at = place + t * direction - centres[i];
        float wide = blur * t, lx = length(x), ly = length(y);
        vec2 inside = vec2(lx, ly) - abs(vec2(dot(at, x) / lx, dot(at, y) / ly));
        vec2 cover = clamp(inside / wide * 0.5 + 0.5, 0.0, 1.0) * min(vec2(1.0), vec2(lx, ly) / wide);
        int k = channels[i];
        float visible = k < 0 ? rest.w : k < 4 ? first[k] : rest[k - 4];
        result += radiances[i] * cover.x * cover.y * visible;
    } while (++i < lights);
    return result;
}
// Radiance of an opaque surface towards the camera; `shown`: what it mirrors, if alpha is 1.
vec3 shade(vec3 place, vec3 normal, vec3 view, vec3 base, float roughness, float emission, vec4 first, vec4 rest, float sunlit, vec4 shown) {
    bool metal = emission < 0.0;
    vec3 diffuse = from_room(place, normal) * rest.w;
    int i = 0;
    do {        // a light beyond the last has no radiance
        int k = channels[i];
        float visible = k < 0 ? rest.w : k < 4 ? first[k] : rest[k - 4];
        diffuse += radiances[i] * (visible * from_rectangle(i, place, normal));
    } while (++i < lights);
    diffuse += sun_radiance * (sunlit * max(0.0, dot(sun, normal)));
    vec3 f0 = metal ? base : vec3(0.04);
    float facing = clamp(dot(normal, view), 0.0, 1.0);
    float grazing = pow(1.0 - facing, 5.0) * (1.0 - roughness) * (1.0 - roughness);
    vec3 mirror = f0 * mix(1.0, 0.65, roughness) + (1.0 - f0) * grazing;
    vec3 direction = reflect(-view, normal);
#if defined MATTE
    vec3 image = from_room(place, direction);
#elif defined GLOSSY
    vec3 image = reflected(place, direction, roughness, first, rest);
#else
    vec3 image = roughness > 0.65 ? from_room(place, direction) : reflected(place, direction, roughness, first, rest);
#endif
    image = mix(image, shown.rgb, shown.a);
    vec3 specular = mirror * image * mix(rest.w, 1.0, metal && roughness < 0.2 ? 1.0 : 0.0);
    return (metal ? vec3(0.0) : base * diffuse * (1.0 - mirror)) + specular + (metal ? vec3(0.0) : base * max(emission, 0.0));
}
