// The texture's colour, linear: along the axis nearest to the triangle's normal in the object's frame, or by uv.
uniform sampler2D image;
uniform int mapping;        // 0 none, 1 box, 2 uv
uniform vec2 repetitions;   // a metre ("box"), or 1 ("uv")
vec3 textured(vec3 base, vec3 at) {
    if (mapping == 0) return base;
    vec2 uv = at.xy;
    vec3 along = dFdx(at), across = dFdy(at);
    if (mapping == 1) {
        vec3 n = abs(cross(along, across));
        if (n.z * 1.001 >= max(n.x, n.y)) uv = at.xy;
        else if (n.x * 1.001 >= n.y) uv = at.yz;
        else uv = at.xz;
        // derivatives of the coordinates that this triangle uses, not of its neighbours'
        vec2 dx = n.z * 1.001 >= max(n.x, n.y) ? along.xy : n.x * 1.001 >= n.y ? along.yz : along.xz;
        vec2 dy = n.z * 1.001 >= max(n.x, n.y) ? across.xy : n.x * 1.001 >= n.y ? across.yz : across.xz;
        return base * textureGrad(image, uv * repetitions, dx * repetitions, dy * repetitions).rgb;
    }
    return base * textureGrad(image, uv, along.xy, across.xy).rgb;
}
