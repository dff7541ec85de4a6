"""The viewer: one large picture whose layers the browser draws."""
