//! Commands on places, which are sorted sets.

use crate::coverage;
use crate::scene::Scene;

coverage::scenarios![adding, storing_what_is_near];

fn places(count: usize) -> Scene {
    let mut scene = Scene::after(&[]);
    for nth in 0..count {
        let (longitude, latitude) = (15.0 + nth as f64 / 1000.0, 37.0 + (nth % 7) as f64 / 100.0);
        scene.run(&format!("GEOADD places {longitude} {latitude} place:{nth}"));
    }
    scene.run("ZADD to 1 a 2 b");
    scene
}

fn adding() {
    for count in [1, 5, 300] {
        places(count).cut_off_each(&[
            "GEOADD places 15 37 new",
            "GEOADD places XX CH 15.5 37.2 place:0",
            "GEOADD places 1 1 a 2 2 b 3 3 place:0",
        ]);
    }
}

fn storing_what_is_near() {
    for count in [5, 300] {
        places(count).cut_off_each(&[
            "GEOSEARCHSTORE to places FROMLONLAT 15 37 BYRADIUS 500 km",
            "GEOSEARCHSTORE places places FROMMEMBER place:1 BYBOX 500 500 km STOREDIST COUNT 3",
            "GEOSEARCHSTORE to places FROMLONLAT -100 0 BYRADIUS 1 km",
            "GEORADIUS places 15 37 500 km STORE to",
            "GEORADIUS places 15 37 500 km STOREDIST places",
            "GEORADIUS places -100 0 1 km STORE to",
            "GEORADIUSBYMEMBER places place:1 500 km STORE to",
            "GEORADIUSBYMEMBER places place:1 500 km COUNT 2 STOREDIST to",
        ]);
    }
}
